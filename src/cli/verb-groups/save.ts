import { STATE_VERBS } from './state.ts'
import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help save`. */
export const SAVE_VERBS: VerbGroup = {
  title: 'Saving and restoring',
  keyword: 'save',
  verbs: [
    entry(
      'save',
      'save a running domain to a file, then stop it',
      () => import('../verbs/save/save.ts'),
    ),
    entry(
      'restore',
      'restore a domain from a save image',
      () => import('../verbs/save/restore.ts'),
    ),
    entry(
      'managedsave',
      'save a running domain for its next start, then stop it',
      () => import('../verbs/save/managedsave.ts'),
    ),
    entry(
      'managedsave-remove',
      'delete the managed save of a domain',
      () => import('../verbs/save/managedsave-remove.ts'),
    ),
    entry(
      'managedsave-dumpxml',
      'show the domain XML in a managed save',
      () => import('../verbs/save/managedsave-dumpxml.ts'),
    ),
    entry(
      'managedsave-define',
      'change the domain XML in a managed save',
      () => import('../verbs/save/managedsave-define.ts'),
    ),
    entry(
      'managedsave-edit',
      'edit the domain XML in a managed save',
      () => import('../verbs/save/managedsave-edit.ts'),
    ),
    entry(
      'postcopy-recover',
      'load the rest of the memory of a domain that lost its page server',
      () => import('../verbs/save/postcopy-recover.ts'),
    ),
    STATE_VERBS.domjobinfo,
    entry(
      'domjobabort',
      'cancel a save or restore that another process is doing',
      () => import('../verbs/save/domjobabort.ts'),
    ),
  ],
}

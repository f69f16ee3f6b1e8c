import { STATE_VERBS } from './state.ts'
import { SUMMARIES } from '../verb-bundles.ts'
import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help save`. */
export const SAVE_VERBS: VerbGroup = {
  title: 'Saving and restoring',
  keyword: 'save',
  verbs: [
    entry('save', SUMMARIES.save, () => import('../verbs/save/save.ts')),
    entry('restore', SUMMARIES.restore, () => import('../verbs/save/restore.ts')),
    entry('managedsave', SUMMARIES.managedsave, () => import('../verbs/save/managedsave.ts')),
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

import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help host`. */
export const HOST_VERBS: VerbGroup = {
  title: 'The host',
  keyword: 'host',
  verbs: [
    entry(
      'host-save',
      'save all running domains of the host',
      () => import('../verbs/host/host-save.ts'),
    ),
    entry(
      'host-resume',
      'start the domains that host-save has saved',
      () => import('../verbs/host/host-resume.ts'),
    ),
    entry(
      'state-share',
      'let other hosts use the state directory',
      () => import('../verbs/host/state-share.ts'),
    ),
    entry(
      'doctor',
      'examine this host, and mend unsafe settings',
      () => import('../verbs/host/doctor.ts'),
    ),
  ],
}

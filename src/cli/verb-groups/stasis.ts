import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help stasis`. */
export const STASIS_VERBS: VerbGroup = {
  title: 'Stasis itself',
  keyword: 'stasis',
  verbs: [
    entry(
      'history',
      'show the history of saves, restores, starts and ends',
      () => import('../verbs/stasis/history.ts'),
    ),
    entry(
      'config',
      'show each value of the configuration, and where it comes from',
      () => import('../verbs/stasis/config.ts'),
    ),
    entry(
      'completion',
      'write the completion of this command line for a shell',
      () => import('../verbs/stasis/completion.ts'),
    ),
    entry(
      'systemd-units',
      'show or write the systemd units that run this Stasis',
      () => import('../verbs/stasis/systemd-units.ts'),
    ),
    entry(
      'version',
      'show the versions of Stasis, Node and QEMU',
      () => import('../verbs/stasis/version.ts'),
    ),
    entry('echo', 'show words', () => import('../verbs/stasis/echo.ts')),
    entry(
      'connect',
      'choose the domains of root or of the user, at the prompt or in a script',
      () => import('../verbs/stasis/connect.ts'),
    ),
    entry(
      'cd',
      'change the directory for the next commands',
      () => import('../verbs/stasis/cd.ts'),
    ),
    entry('pwd', 'show the directory', () => import('../verbs/stasis/pwd.ts')),
    entry('quit', 'end the prompt or script', () => import('../verbs/stasis/quit.ts')),
    entry('exit', 'end the prompt or script', () => import('../verbs/stasis/exit.ts')),
  ],
}

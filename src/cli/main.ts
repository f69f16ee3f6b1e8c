import { exitFast } from '../io/processes/exit-without-threads.ts'
import { runCommand } from './command.ts'
import { enlargeThreadPool } from './thread-pool.ts'
import { VERBS, VERB_GROUPS } from './verbs.ts'

/** The whole command line. */
enlargeThreadPool()
void runCommand(VERBS, {
  groups: VERB_GROUPS,
  runSession: async (argv, runner) => {
    const { runSession } = await import('./shell/session.ts')
    await runSession(argv, { verbs: VERBS, runner })
  },
}).then(exitFast)

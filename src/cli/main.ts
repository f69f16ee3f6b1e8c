import { availableParallelism } from 'node:os'
import { runCommand } from './command.ts'
import { VERBS, VERB_GROUPS } from './verbs.ts'

// Compression and direct I/O run on libuv's pool, which reads this at its first use: one thread for each core, and some more that wait for the disk.
process.env['UV_THREADPOOL_SIZE'] ??= String(availableParallelism() + 6)

/** The whole command line. */
void runCommand(VERBS, {
  groups: VERB_GROUPS,
  runSession: async (argv, runner) => {
    const { runSession } = await import('./shell/session.ts')
    await runSession(argv, { verbs: VERBS, runner })
  },
})

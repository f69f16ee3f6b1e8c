import { exitFast } from '../io/processes/exit-without-threads.ts'
import { runCommand } from './command.ts'
import { enlargeThreadPool } from './thread-pool.ts'
import { SUMMARIES } from './verb-bundles.ts'
import { entry } from './verb-entry.ts'
import { verb as start } from './verbs/domain/start.ts'
import { verb as restore } from './verbs/save/restore.ts'

/** The command line of the verbs that bring a guest into a QEMU, with nothing else in its bundle. They have nearly all of their code in common. */
enlargeThreadPool()
void runCommand([
  entry('restore', SUMMARIES.restore, () => Promise.resolve({ verb: restore })),
  entry('start', SUMMARIES.start, () => Promise.resolve({ verb: start })),
]).then(exitFast)

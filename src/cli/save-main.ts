import { exitFast } from '../io/processes/exit-without-threads.ts'
import { runCommand } from './command.ts'
import { enlargeThreadPool } from './thread-pool.ts'
import { SUMMARIES } from './verb-bundles.ts'
import { entry } from './verb-entry.ts'
import { verb as managedsave } from './verbs/save/managedsave.ts'
import { verb as save } from './verbs/save/save.ts'

/** The command line of the verbs that end with a guest in an image, with nothing else in its bundle. They have nearly all of their code in common. */
enlargeThreadPool()
void runCommand([
  entry('save', SUMMARIES.save, () => Promise.resolve({ verb: save })),
  entry('managedsave', SUMMARIES.managedsave, () => Promise.resolve({ verb: managedsave })),
]).then(exitFast)

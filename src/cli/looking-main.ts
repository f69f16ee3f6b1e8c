import { runCommand } from './command.ts'
import { LOOKING_VERBS } from './looking-verbs.ts'

/** The command line of the verbs that only look, with nothing else in its bundle. */
void runCommand(Object.values(LOOKING_VERBS))

import { runCommand } from './command.ts'
import { LOOKING_VERBS } from './verb-groups/looking.ts'

/** The command line of the verbs that only look, with nothing else in its bundle. They leave nothing behind, so a signal simply ends them. */
void runCommand(Object.values(LOOKING_VERBS), {
  signalFor: () => new AbortController().signal,
  endsAtOnce: true,
})

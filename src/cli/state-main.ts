import { runCommand } from './command.ts'
import { STATE_VERBS } from './verb-groups/state.ts'

/** The command line of the verbs that only ask for states and names, with nothing else in its bundle. A signal simply ends them. */
void runCommand(Object.values(STATE_VERBS), {
  signalFor: () => new AbortController().signal,
  endsAtOnce: true,
})

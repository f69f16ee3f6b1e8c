import type { Verb } from './verb.ts'

/** An entry in the list of verbs. The file of a verb is loaded only when the verb is called. */
export interface VerbEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Verb<object>>
}

/** Verbs that belong together in `--help`, as virsh groups its commands. */
export interface VerbGroup {
  readonly title: string
  /** The word for `stasis help KEYWORD`. */
  readonly keyword: string
  readonly verbs: readonly VerbEntry[]
}

/** An entry for the verb that a file exports. */
export function entry<Flags extends object>(
  name: string,
  summary: string,
  load: () => Promise<{ readonly verb: Verb<Flags> }>,
): VerbEntry {
  return { name, summary, load: async () => (await load()).verb as Verb<object> }
}

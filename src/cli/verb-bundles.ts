/** The names of `STATE_VERBS`, for the choice of a bundle before one is loaded. */
export const STATE_VERB_NAMES = [
  'list',
  'domstate',
  'domjobinfo',
  'domid',
  'domuuid',
  'domname',
  'desc',
  'ttyconsole',
  'domcontrol',
] as const

export type StateVerb = (typeof STATE_VERB_NAMES)[number]

/** The names of `LOOKING_VERBS`. */
export const LOOKING_VERB_NAMES = [
  'domblklist',
  'domiflist',
  'vncdisplay',
  'domdisplay',
  'domstats',
  'dommemstat',
  'domblkinfo',
  'domblkstat',
  'domifstat',
  'vcpucount',
  'vcpuinfo',
] as const

export type LookingVerb = (typeof LOOKING_VERB_NAMES)[number]

/** The verbs that bring a guest into a QEMU. */
const STARTING_VERB_NAMES = ['restore', 'start'] as const

/** The verbs that end with a guest in an image. */
const SAVING_VERB_NAMES = ['save', 'managedsave'] as const

/** The bundles of the command line beside the whole one, and their verbs. */
export const VERB_BUNDLES: Readonly<Record<string, readonly string[]>> = {
  'state-main.cjs': STATE_VERB_NAMES,
  'looking-main.cjs': LOOKING_VERB_NAMES,
  'start-main.cjs': STARTING_VERB_NAMES,
  'save-main.cjs': SAVING_VERB_NAMES,
}

/** What `--help` says of the verbs that have a bundle and change something. */
export const SUMMARIES: Readonly<
  Record<(typeof STARTING_VERB_NAMES | typeof SAVING_VERB_NAMES)[number], string>
> = {
  restore: 'restore a domain from a save image',
  start: 'start a domain, from its managed save if it has one',
  save: 'save a running domain to a file, then stop it',
  managedsave: 'save a running domain for its next start, then stop it',
}

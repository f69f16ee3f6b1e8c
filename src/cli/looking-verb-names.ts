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

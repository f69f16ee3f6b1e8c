/** The names of `LOOKING_VERBS`, for the choice of a bundle before one is loaded. */
export const LOOKING_VERB_NAMES = [
  'list',
  'domstate',
  'domjobinfo',
  'domid',
  'domuuid',
  'domname',
  'desc',
  'domblklist',
  'domiflist',
  'vncdisplay',
  'domdisplay',
  'ttyconsole',
  'domstats',
  'dommemstat',
  'domblkinfo',
  'domblkstat',
  'domifstat',
  'vcpucount',
  'vcpuinfo',
  'domcontrol',
] as const

export type LookingVerb = (typeof LOOKING_VERB_NAMES)[number]

import { CHECKPOINT_VERBS } from './verb-groups/checkpoint.ts'
import { DOMAIN_VERBS } from './verb-groups/domain.ts'
import { FOREIGN_VERBS } from './verb-groups/foreign.ts'
import { HOST_VERBS } from './verb-groups/host.ts'
import { IMAGE_VERBS } from './verb-groups/image.ts'
import { MONITOR_VERBS } from './verb-groups/monitor.ts'
import { SAVE_VERBS } from './verb-groups/save.ts'
import { STASIS_VERBS } from './verb-groups/stasis.ts'
import type { VerbEntry, VerbGroup } from './verb-entry.ts'

/** Every verb, in the groups and in the order of `--help`. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  DOMAIN_VERBS,
  SAVE_VERBS,
  CHECKPOINT_VERBS,
  IMAGE_VERBS,
  MONITOR_VERBS,
  HOST_VERBS,
  FOREIGN_VERBS,
  STASIS_VERBS,
]

/** Every verb. */
export const VERBS: readonly VerbEntry[] = VERB_GROUPS.flatMap(({ verbs }) => verbs)

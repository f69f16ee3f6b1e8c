import type { Command } from 'commander'
import { DomainError, UsageError } from '../../errors.ts'
import { listCheckpoints } from '../../domain/checkpoint/list-checkpoints.ts'
import type { DomainOptions } from '../../domain/store/domain-options.ts'

/** The options as commander names them. */
export interface WhichFlags {
  readonly snapshotname?: string
  readonly current?: boolean
}

/** Adds virsh's ways to name a snapshot. */
export function declareWhich(command: Command): Command {
  return command
    .argument('<domain>', 'name, UUID or id')
    .argument('[name]', 'the checkpoint')
    .option('--snapshotname <name>', 'the same as NAME')
    .option('--current', 'the checkpoint that the guest has passed last')
}

/** The name of the meant checkpoint. @throws UsageError, DomainError */
export async function whichSnapshot(
  domain: string,
  name: string | undefined,
  flags: WhichFlags,
  options: DomainOptions,
): Promise<string> {
  const given = flags.snapshotname ?? name
  if (given !== undefined && flags.current === true)
    throw new UsageError('BAD_COMBINATION', 'Give a name or --current')
  if (given !== undefined) return given
  if (flags.current !== true)
    throw new UsageError('BAD_COMBINATION', 'Give the name of a checkpoint, or --current')
  const { checkpoints } = await listCheckpoints(domain, options)
  const current = checkpoints.find((one) => one.current)
  if (current !== undefined) return current.name
  throw new DomainError('CHECKPOINT_NOT_FOUND', `Domain '${domain}' has no current checkpoint`)
}

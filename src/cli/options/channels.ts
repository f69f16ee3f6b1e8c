import { type Command, Option } from 'commander'
import { integerBetween } from './option-values.ts'

/** The number of channels or readers, by each of the names it has. */
export interface ChannelFlags {
  readonly parallelConnections?: number
  /** virsh's name. */
  readonly parallelChannels?: number
}

/** Adds `--parallel-connections` and virsh's name for it, `--parallel-channels`. */
export function declareChannels(command: Command, description: string): Command {
  const number = integerBetween(1, 64)
  return command
    .addOption(
      new Option('--parallel-connections <n>', description)
        .argParser(number)
        .conflicts('parallelChannels'),
    )
    .addOption(
      new Option('--parallel-channels <n>', "virsh's name for --parallel-connections").argParser(
        number,
      ),
    )
}

/** The number of channels or connections from the flags. */
export function channelsOf({
  parallelConnections,
  parallelChannels,
}: ChannelFlags): number | undefined {
  return parallelConnections ?? parallelChannels
}

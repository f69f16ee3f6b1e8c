import type { Command } from 'commander'
import { Configuration, type SettingValue } from '../../domain/configuration/configuration.ts'
import type { ConfiguredVerb } from '../../domain/configuration/settings.ts'
import { optionKey } from './option-key.ts'

/** The names that commander gives to the option of a setting, where it is not the setting's own. A verb has some of them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  format: ['format', 'imageFormat'],
  compression: ['compression', 'parallelCompression'],
  channels: ['parallelConnections', 'parallelChannels', 'connections'],
}

/** Settings that belong to the format and the compression beside them. */
const OF_FORMAT = ['compression', 'compression-level', 'channels', 'digest']
const OF_COMPRESSION = ['compression-level']

/**
 * Fills in the options of a verb that the command line leaves out, from the configuration. If the command line gives another format or compression than the
 * configuration, the settings that belong to the configured one are left out. So are the settings in `without`.
 * @throws UsageError BAD_CONFIGURATION; StorageError
 */
export async function configure(
  verb: ConfiguredVerb,
  command: Command,
  without: readonly string[] = [],
): Promise<void> {
  const settings = (await Configuration.read()).forVerb(verb)
  const left = new Set([
    ...without,
    ...(isOverridden(command, settings.get('format'), 'format') ? OF_FORMAT : []),
    ...(isOverridden(command, settings.get('compression'), 'compression') ? OF_COMPRESSION : []),
  ])
  for (const [name, { value }] of settings) {
    const names = namesOf(name)
    const option = names.find((one) => command.options.some((each) => each.attributeName() === one))
    if (option === undefined || left.has(name)) continue
    if (givenValue(command, names) === undefined)
      command.setOptionValueWithSource(option, value, 'configuration')
  }
}

/** Whether the command line gives another value than the configuration, or than the default if the configuration sets none. */
function isOverridden(
  command: Command,
  configured: SettingValue | undefined,
  name: string,
): boolean {
  const given = givenValue(command, namesOf(name))
  return given !== undefined && given !== configured?.value
}

function givenValue(command: Command, names: readonly string[]): unknown {
  return names
    .map((name): unknown => command.getOptionValue(name))
    .find((value) => value !== undefined)
}

function namesOf(name: string): readonly string[] {
  return NAMES[name] ?? [optionKey(name)]
}

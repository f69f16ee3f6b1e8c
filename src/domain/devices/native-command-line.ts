import { buildCommandLine } from '../../qemu/command-line/build.ts'
import { readDefinition } from '../store/definitions.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { cpuPropertiesOf } from '../machine/emulator.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { DomainError, UsageError } from '../../errors.ts'
import { checkOptions } from '../store/check-options.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { requireEmulator, requireUnchecked } from '../trust/trust.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'

/**
 * The command line with which QEMU would be started for a domain XML, or for the definition of a domain that is given by name or UUID; starts nothing. The command line lacks the descriptors that QEMU would inherit.
 * @throws DomainXmlError, DomainError DOMAIN_NOT_FOUND; QemuError, StorageError
 * @example
 * const argv = await nativeCommandLine({ xml: await readFile('web.xml', 'utf8') })
 */
export async function nativeCommandLine(
  source: { readonly domain: string } | { readonly xml: DomainXml },
  options: DomainOptions & AllowOptions = {},
): Promise<readonly string[]> {
  checkOptions(options)
  if (typeof source !== 'object' || source === null || !('xml' in source || 'domain' in source))
    throw new UsageError('BAD_ARGUMENT', 'Give the XML of a domain, or the domain')
  const directories = await openDirectories(options)
  const given =
    'xml' in source
      ? givenXml(source.xml)
      : { text: await definitionOf(source.domain, directories) }
  const { domain, emulator } = await prepareMachine(given, directories, {
    look: true,
    signal: options.signal,
    admit: async (draft) => {
      await requireEmulator(draft, options)
      await requireUnchecked(draft, options)
    },
  })
  const paths = runtimePaths(directories, domain.name)
  const machine = buildCommandLine(domain, {
    qemuVersion: emulator.version,
    cpuProperties: cpuPropertiesOf(emulator),
    monitors: [{ id: 'control', path: paths.controlSocket }],
    incoming: false,
    socketDirectory: paths.directory,
  })
  return [emulator.probed.emulator, ...machine]
}

async function definitionOf(reference: string, directories: Directories): Promise<string> {
  const { name } = await findEntry(directories, reference)
  const xml = await readDefinition(directories, name)
  if (xml !== undefined) return xml
  throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`)
}

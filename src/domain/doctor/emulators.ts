import { StasisError } from '../../errors.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { findEmulator } from '../../qemu/probe/find-emulator.ts'
import { type Emulator, parseVersion, probeEmulator } from '../machine/emulator.ts'
import { requireEmulator } from '../trust/trust.ts'
import { listDefinitions, readDefinition } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'

/**
 * The QEMUs of this host: the one for domains whose XML names no other, if there is one, and those that definitions name. Those that are gone or not
 * allowed are left out, and nothing is written.
 * @throws StorageError, CancelledError
 */
export async function emulatorsOf(
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<readonly Emulator[]> {
  const paths = new Set<string>()
  for (const name of [undefined, ...(await listDefinitions(directories))])
    await skipping(async () => void paths.add(await emulatorOf(directories, name)))
  const found: Emulator[] = []
  for (const path of paths)
    await skipping(async () => {
      const probed = await probeEmulator(path, directories, signal, { look: true })
      found.push({ probed, version: parseVersion(probed.version) })
    })
  return found
}

/** The QEMU of a definition, or that of all others. */
async function emulatorOf(directories: Directories, name: string | undefined): Promise<string> {
  const text = name === undefined ? undefined : await readDefinition(directories, name)
  if (text === undefined) return findEmulator()
  const { domain } = readDomain(parseDomainXml(text), { ignoreUnsupported: true })
  await requireEmulator(domain, {})
  return findEmulator({ emulator: domain.emulator, architecture: domain.os.arch })
}

/** A definition that cannot be read and a QEMU that does not start are found by the commands that use them. */
async function skipping(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    const ours = StasisError.is(error) && !StasisError.is(error, 'CANCELLED')
    if (!ours || StasisError.is(error, 'IO_ERROR')) throw error
  }
}

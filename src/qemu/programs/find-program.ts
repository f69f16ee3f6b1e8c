import { delimiter, join } from 'node:path'
import { QemuError } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { isExecutable } from '../probe/find-emulator.ts'

/** A program that runs beside QEMU. Only this host says where it is, never a domain XML or an image. */
export interface Companion {
  readonly name: string
  /** Its purpose for a guest: `emulates a TPM`. */
  readonly purpose: string
  /** The package of Debian and Fedora that contains it. */
  readonly package: string
  /** Where it is besides the search path. */
  readonly directories: readonly string[]
}

/** Its path on this host; `undefined` when it is not installed. */
export async function findCompanion({
  name,
  directories,
}: Pick<Companion, 'name' | 'directories'>): Promise<string | undefined> {
  const path = (cleanEnvironment()['PATH'] ?? '').split(delimiter)
  for (const directory of [...path, ...directories]) {
    if (!directory.startsWith('/')) continue
    const program = join(directory, name)
    if (await isExecutable(program)) return program
  }
  return undefined
}

/** Its path on this host. @throws QemuError QEMU_LACKS_FEATURE with the package to install */
export async function requireCompanion(companion: Companion): Promise<string> {
  const found = await findCompanion(companion)
  if (found !== undefined) return found
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    `${companion.name}, which ${companion.purpose}, is not installed`,
    { operation: 'start QEMU', hint: `Install the package ${companion.package}` },
  )
}

import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

import { QemuError } from '../../errors.ts'

/** Where distributions install QEMU outside PATH: Red Hat's and SUSE's libexec, a local build. */
const KNOWN_DIRECTORIES = ['/usr/bin', '/usr/local/bin', '/usr/libexec', '/usr/lib/qemu']

/** Debian's package for each architecture of a domain (`<os><type arch=…>`). */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  x86_64: 'qemu-system-x86',
  i686: 'qemu-system-x86',
  aarch64: 'qemu-system-arm',
  ppc64le: 'qemu-system-ppc',
  s390x: 'qemu-system-misc',
  riscv64: 'qemu-system-misc',
}

/** The emulator to find. */
export interface FindEmulatorOptions {
  /** The domain's `<emulator>`: no other is accepted. */
  readonly emulator?: string | undefined
  /** The domain's architecture. Default `x86_64`. */
  readonly architecture?: string | undefined
  /** Directories to search, as in `PATH`. */
  readonly searchPath?: string | undefined
}

/** The path of the QEMU to run. Throws `QEMU_NOT_FOUND` with the package that contains it. */
export async function findEmulator(options: FindEmulatorOptions = {}): Promise<string> {
  const { emulator, architecture = 'x86_64', searchPath = process.env['PATH'] ?? '' } = options
  const hint = `Install it: apt-get install ${DEBIAN_PACKAGES[architecture] ?? 'qemu-system'}`
  if (emulator !== undefined) {
    if (await isExecutable(emulator)) return emulator
    const kind = architecture === 'x86_64' ? '' : ` for ${architecture} guests`
    throw new QemuError('QEMU_NOT_FOUND', `There is no QEMU${kind} at ${emulator}`, {
      path: emulator,
      hint: `${hint}, or correct <emulator> in the domain XML`,
    })
  }
  const directories = [...searchPath.split(delimiter).filter(Boolean), ...KNOWN_DIRECTORIES]
  for (const name of emulatorNames(architecture)) {
    for (const directory of directories) {
      const path = join(directory, name)
      if (await isExecutable(path)) return path
    }
  }
  const text = `No QEMU for ${architecture} guests was found (${emulatorNames(architecture).join(', ')})`
  throw new QemuError('QEMU_NOT_FOUND', text, { hint })
}

function emulatorNames(architecture: string): readonly string[] {
  const names = [`qemu-system-${architecture === 'i686' ? 'i386' : architecture}`]
  return process.arch === 'x64' && architecture === 'x86_64' ? [...names, 'qemu-kvm'] : names
}

/** Whether we may run this file. */
export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

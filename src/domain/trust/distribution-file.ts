import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute } from 'node:path'
import { isThere } from '../../io/files/file-names.ts'

/** Where distributions install QEMU. */
const PROGRAMS = ['/usr/bin', '/bin', '/usr/libexec', '/usr/lib/qemu', '/usr/local/bin']

/** Where distributions install firmware, option ROMs and templates of variable stores. */
const DATA = ['/usr/share', '/usr/lib/ipxe', '/usr/lib/qemu', '/usr/local/share/qemu']

const NAME = /^(qemu-system-\w+|qemu-kvm|kvm)$/

/**
 * Whether a path is a QEMU that only the administrator could have installed, and not another program of the host. Also true where only the administrator
 * could install one: that it is missing is another error.
 */
export async function isDistributionEmulator(path: string): Promise<boolean> {
  const isNamed = (one: string): boolean =>
    PROGRAMS.includes(dirname(one)) && NAME.test(basename(one))
  // A name without a directory would be looked up in PATH.
  if (!isAbsolute(path)) return false
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined) return isNamed(path) && !(await isThere(path).catch(() => true))
  return isNamed(real) && (await isRootsOwn(real))
}

/** Whether a path is a file of the distribution that holds no secret: firmware and the like. */
export async function isDistributionData(path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined || !DATA.some((directory) => real.startsWith(`${directory}/`)))
    return false
  return isRootsOwn(real)
}

/** Whether nobody but root can change or replace a regular file. */
async function isRootsOwn(real: string): Promise<boolean> {
  const file = await stat(real).catch(() => undefined)
  if (file?.isFile() !== true) return false
  for (let at = real; ; at = dirname(at)) {
    const { uid, mode } = await stat(at)
    if (uid !== 0 || (mode & 0o022) !== 0) return false
    if (at === '/') return true
  }
}

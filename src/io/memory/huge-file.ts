import { closeSync, fchmodSync, openSync, unlinkSync } from 'node:fs'
import { newMount } from '../system-calls.ts'

/**
 * Makes an anonymous file in memory whose pages are huge: every write takes whole pieces of 2 MiB, and a fraction of the processor time that it takes
 * in a memfd (notes/linux/huge-memory-files.md). It is on a tmpfs of its own, which no other process sees and which lasts as long as the file.
 * `undefined` where the host does not permit it: that takes CAP_SYS_ADMIN. The descriptor is close-on-exec; `name` appears in /proc.
 */
export function createHugeFile(name: string): number | undefined {
  const mount = newMount('tmpfs', { huge: 'always', size: '0', mode: '0700' })
  if (mount === undefined) return undefined
  try {
    const path = `/proc/self/fd/${mount}/${name}`
    const fd = openSync(path, 'wx+', 0o600)
    unlinkSync(path)
    // QEMU may open it as another user, by the descriptor that it inherits.
    fchmodSync(fd, 0o666)
    return fd
  } finally {
    closeSync(mount)
  }
}

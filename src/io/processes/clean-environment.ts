/** Where programs are when the caller has no `PATH`. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The environment of QEMU, its tools and filters: nothing of the caller's but the search path, which wrappers and scripts of network cards need. Without a time zone
 * of its own a guest with a local clock gets the host's, as with libvirt.
 */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] || PATH, LC_ALL: 'C', ...more }
}

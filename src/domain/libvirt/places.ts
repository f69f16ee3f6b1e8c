import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '../store/directories.ts'

/** Which libvirt, and where its files are. */
export interface LibvirtOptions {
  /** The system's libvirt or this user's. Default: the system's for root, otherwise the user's. */
  readonly libvirt?: Connection | undefined
  /** The root of another system, below which the paths of that libvirt are. */
  readonly libvirtRoot?: string | undefined
}

/** The libvirt that is meant. */
export function connectionOf({ libvirt }: LibvirtOptions): Connection {
  return libvirt ?? (process.geteuid?.() === 0 ? 'system' : 'session')
}

/** The directories in which a libvirt keeps its domains. Absolute paths. */
export interface LibvirtPlaces {
  /** The prefix of each path here, which the paths in libvirt's own files do not have: `/`, or the root of another system. */
  readonly root: string
  /** `NAME.xml`: the definitions. */
  readonly definitions: string
  /** `NAME.xml`: links to the definitions of domains that start with the host. */
  readonly autostart: string
  /** `NAME_VARS.fd`: UEFI variable stores. */
  readonly nvram: string
  /** `NAME.save`: managed saves. */
  readonly saves: string
  /** `UUID/tpm2`: the states of TPMs. */
  readonly tpm: string
  /** `NAME.xml`, `NAME.pid`: the running domains. */
  readonly running: string
}

/**
 * The directories of the system's libvirt, below `root`, or of this user's (libvirt src/qemu/qemu_conf.c `virQEMUDriverConfigNew`, the same from 4.5
 * to 11.3).
 */
export function libvirtPlaces(
  connection: Connection,
  options: {
    readonly root?: string | undefined
    readonly env?: Readonly<Record<string, string | undefined>>
  } = {},
): LibvirtPlaces {
  const { root = '/', env = process.env } = options
  if (connection === 'system') {
    const definitions = join(root, '/etc/libvirt/qemu')
    const state = join(root, '/var/lib/libvirt')
    return {
      root,
      definitions,
      autostart: join(definitions, 'autostart'),
      nvram: join(state, 'qemu/nvram'),
      saves: join(state, 'qemu/save'),
      tpm: join(state, 'swtpm'),
      running: join(root, '/run/libvirt/qemu'),
    }
  }
  const home = env['HOME'] || homedir()
  const base = join(root, env['XDG_CONFIG_HOME'] || join(home, '.config'), 'libvirt/qemu')
  const runtime = env['XDG_RUNTIME_DIR'] || join(env['XDG_CACHE_HOME'] || join(home, '.cache'))
  return {
    root,
    definitions: base,
    autostart: join(base, 'autostart'),
    nvram: join(base, 'nvram'),
    saves: join(base, 'save'),
    tpm: join(base, 'swtpm'),
    running: join(root, runtime, 'libvirt/qemu/run'),
  }
}

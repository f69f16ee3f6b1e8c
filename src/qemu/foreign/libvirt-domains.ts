import { readFile, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isReachable } from '../../io/files/file-names.ts'
import { identifyProcess } from '../process/process-identity.ts'

/** The activity of libvirt on this host, as far as its files show it. */
export interface LibvirtHost {
  /** Whether a daemon listens: `libvirtd`, or `virtqemud` of newer ones. */
  readonly listens: boolean
  /** The names of the domains that it runs. */
  readonly running: readonly string[]
  /** Directories that this user may not look into. */
  readonly hidden: readonly string[]
}

/** Where libvirt 9.0 to 11.3 has the pid files of running domains (src/qemu/qemu_conf.c, `stateDir`), for the system and the session. */
function stateFolders(): readonly string[] {
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? join(homedir(), '.cache')
  return ['/run/libvirt/qemu', join(runtime, 'libvirt/qemu/run')]
}

const SOCKETS = ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock']

/** Looks for libvirt's running domains. Asks no daemon, which would start one. */
export async function lookForLibvirt(
  folders: readonly string[] = stateFolders(),
): Promise<LibvirtHost> {
  const running = new Set<string>()
  const hidden: string[] = []
  for (const folder of folders) {
    const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') hidden.push(folder)
      return []
    })
    for (const file of files) {
      if (!file.endsWith('.pid')) continue
      // A daemon that was killed leaves them.
      const pid = Number(await readFile(join(folder, file), 'utf8').catch(() => ''))
      if (pid > 0 && (await identifyProcess(pid)) !== undefined) running.add(file.slice(0, -4))
    }
  }
  const listens = (await Promise.all(SOCKETS.map((path) => isReachable(path)))).includes(true)
  return { listens, running: [...running].toSorted(), hidden }
}

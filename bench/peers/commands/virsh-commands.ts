import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../../../test/support/cache-dir.ts'
import { type BedVersion, holdLibvirt } from '../../../test/support/libvirt-bed.ts'
import type { BenchSetting } from '../../setting.ts'
import { BenchGuest, type Commands } from './bench-guest.ts'

/** The QEMU of the release of Debian that has a libvirt. */
export const EMULATOR = '/usr/bin/qemu-system-x86_64'

/** A libvirt that ends with its scope. */
export interface Virsh extends AsyncDisposable {
  readonly commands: Commands
  /** A command line in the namespaces of the libvirt. */
  readonly inside: (...args: readonly string[]) => readonly string[]
  /** Defines a domain. */
  define(name: string, xml: string): Promise<void>
}

/** A guest of a real libvirt, defined and off, which ends with its scope. */
export interface VirshGuest extends AsyncDisposable {
  readonly guest: BenchGuest
}

/** Starts a libvirt of a version, in its namespaces. */
export async function startVirsh(directory: string, version: BedVersion): Promise<Virsh> {
  const bed = await holdLibvirt(version, directory)
  const init = (await readFile(join(cacheDir, `libvirt-${version}/init`), 'utf8')).trim()
  const namespaces = ['--target', init, '--mount', '--pid', '--root', '--wdns=/']
  const inside = (...args: readonly string[]) => ['nsenter', ...namespaces, ...args]
  const argv = (...args: readonly string[]) =>
    inside('virsh', '-q', '-c', 'qemu:///system', ...args)
  return {
    inside,
    commands: {
      ...{ label: `virsh ${version}`, argv, env: process.env, daemon: daemonOf(init) },
      stopEvent: (name) => argv('qemu-monitor-event', name, '--event', 'STOP', '--timestamp'),
    },
    async define(name, xml) {
      const path = join(directory, `${name}.xml`)
      // libvirt before 9.1 does not know this model.
      await writeFile(path, xml.replace(/<watchdog model='itco'[^>]*\/>/, ''))
      await bed.virsh('define', path)
    },
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  }
}

/** Starts a libvirt of a version and defines the guest there. Its QEMU is the one of that release of Debian. */
export async function virshGuest(setting: BenchSetting, version: BedVersion): Promise<VirshGuest> {
  const virsh = await startVirsh(setting.directory, version)
  const name = `bench-virsh-${version}`
  const serial = join(setting.directory, `${name}.serial`)
  const guest = new BenchGuest(virsh.commands, setting, { name, serial })
  await virsh.define(name, guest.xml(EMULATOR))
  return { guest, [Symbol.asyncDispose]: () => virsh[Symbol.asyncDispose]() }
}

/** The daemon is the child of the first process of its namespaces. */
function daemonOf(init: string): number {
  return Number(readFileSync(`/proc/${init}/task/${init}/children`, 'latin1').split(' ')[0])
}

import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../../test/support/cache-dir.ts'
import { type BedVersion, holdLibvirt } from '../../test/support/libvirt-bed.ts'
import type { BenchSetting } from '../setting.ts'
import { BenchGuest, type Commands } from './guest-host.ts'

/** A guest of a real libvirt, defined and off, which ends with its scope. */
export interface VirshGuest extends AsyncDisposable {
  readonly guest: BenchGuest
}

/** Starts a libvirt of a version, in its namespaces, and defines the guest there. Its QEMU is the one of that release of Debian. */
export async function virshGuest(setting: BenchSetting, version: BedVersion): Promise<VirshGuest> {
  const bed = await holdLibvirt(version)
  const init = (await readFile(join(cacheDir, `libvirt-${version}/init`), 'utf8')).trim()
  const inside = ['nsenter', '--target', init, '--mount', '--pid', '--root', '--wdns=/']
  const daemon = daemonOf(init)
  const commands: Commands = {
    label: `virsh ${version}`,
    argv: (...args) => [...inside, 'virsh', '-q', '-c', 'qemu:///system', ...args],
    env: process.env,
    daemonSeconds: () => secondsOf(daemon),
  }
  const name = `bench-virsh-${version}`
  const guest = new BenchGuest(commands, setting, name, join(setting.directory, `${name}.serial`))
  const path = join(setting.directory, `${name}.xml`)
  // libvirt before 9.1 does not know this model.
  const xml = guest.xml('/usr/bin/qemu-system-x86_64').replace(/<watchdog model='itco'[^>]*\/>/, '')
  await writeFile(path, xml)
  await bed.virsh('define', path)
  return { guest, [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose]() }
}

/** The daemon is the child of the first process of its namespaces. */
function daemonOf(init: string): number {
  return Number(readFileSync(`/proc/${init}/task/${init}/children`, 'latin1').split(' ')[0])
}

/** Processor seconds of a process and of its children that have ended. */
function secondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / 100
}

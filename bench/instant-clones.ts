import { readFile, readdir, readlink, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { destroyDomain, restoreDomain } from '../src/index.ts'
import { printTarget } from './report.ts'

const CLONES = 10

/** Until the guests have settled. */
const SETTLE_MS = 2000

/** How much memory ten clones of a guest use, mapped from one file, compared with one loaded guest. */
export async function benchClones(
  { stateDir }: { readonly stateDir: string },
  name: string,
  image: string,
): Promise<void> {
  const one = await restoreDomain(image, { stateDir, mode: 'load' })
  await sleep(SETTLE_MS)
  const single = await memoryOf(one.id)
  await destroyDomain(name, { stateDir })
  const clones: { readonly name: string; readonly id: number }[] = []
  try {
    for (let number = 1; number <= CLONES; number += 1)
      clones.push(
        await restoreDomain(image, { stateDir, mode: 'map', clone: { name: `c${number}` } }),
      )
    await sleep(SETTLE_MS)
    let sum = 0
    for (const { id } of clones) sum += await memoryOf(id)
    const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)
    console.log(`one guest, loaded: ${mib(single)} MiB; ${CLONES} clones, mapped: ${mib(sum)} MiB`)
    printTarget(`memory of ${CLONES} clones / of one`, sum / single, 1.5)
  } finally {
    for (const clone of clones) await destroyDomain(clone.name, { stateDir })
  }
}

/**
 * How much of the host's memory a process uses: its share of its mappings, page cache included (Linux proc_pid_smaps(5), Pss), and all of its
 * memory files, because a guest that does not read maps nothing of them.
 */
async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  let bytes = (kib('Pss') - kib('Pss_Shmem')) * 1024
  const directory = `/proc/${pid}/fd`
  // QEMU has opened some of them twice.
  const met = new Set<number>()
  for (const fd of await readdir(directory)) {
    const name = await readlink(`${directory}/${fd}`).catch(() => '')
    if (!name.startsWith('/memfd:')) continue
    const { ino, blocks } = await stat(`${directory}/${fd}`)
    if (!met.has(ino)) bytes += blocks * 512
    met.add(ino)
  }
  return bytes
}

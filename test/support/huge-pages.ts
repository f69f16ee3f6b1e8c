import { readFile, writeFile } from 'node:fs/promises'

const COUNT = '/proc/sys/vm/nr_hugepages'
const UNIT_BYTES = 2 * 1024 * 1024

/** Huge pages that the kernel reserves for this test and releases at the end of its scope; the reason in words if that is impossible here. */
export async function reserveHugePages(bytes: number): Promise<AsyncDisposable | string> {
  if (process.getuid?.() !== 0) return 'only root can set huge pages aside'
  if ((await fact('Hugepagesize')) * 1024 !== UNIT_BYTES) return 'huge pages have another size here'
  const before = Number(await readFile(COUNT, 'latin1'))
  const wanted = before + Math.ceil(bytes / UNIT_BYTES)
  const giveBack = (): Promise<void> => writeFile(COUNT, `${before}\n`)
  await writeFile(COUNT, `${wanted}\n`).catch(() => undefined)
  if (Number(await readFile(COUNT, 'latin1')) === wanted) return { [Symbol.asyncDispose]: giveBack }
  await giveBack().catch(() => undefined)
  return 'the kernel has not so many huge pages'
}

/** The number of reserved huge pages that are free. */
export function freeHugePages(): Promise<number> {
  return fact('HugePages_Free')
}

async function fact(name: string): Promise<number> {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(
    await readFile('/proc/meminfo', 'latin1'),
  )
  return Number(found?.[1] ?? 0)
}

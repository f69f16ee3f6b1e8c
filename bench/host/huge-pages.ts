import { readFileSync, writeFileSync } from 'node:fs'
import { reserveHugePages } from '../../test/support/huge-pages.ts'

/** How many huge pages the host has set aside, for whoever asks for them (Linux, hugetlbpage). */
const COUNT = '/proc/sys/vm/nr_hugepages'

/** Sets huge pages aside until the end of its scope or of this process, also by a signal. Returns the reason in words if that is impossible here. */
export async function holdHugePages(bytes: number): Promise<AsyncDisposable | string> {
  const before = readFileSync(COUNT, 'latin1')
  const held = await reserveHugePages(bytes)
  if (typeof held === 'string') return held
  const giveBackNow = (): void => writeFileSync(COUNT, before)
  process.once('exit', giveBackNow)
  return {
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', giveBackNow)
      await held[Symbol.asyncDispose]()
    },
  }
}

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { domainXml } from '../support/domain-xml.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Bed } from './bed.ts'
import { until } from './cell.ts'

/** A line of the guest: its how manyeth boot, and its count since then. */
export interface Entry {
  readonly boot: number
  readonly count: number
}

/** A guest on the shared folder of the bed that counts on its disk and on its serial port (test/cluster/guest/ledger.s). */
export class Ledger {
  readonly name: string
  /** Its domain XML, on the shared folder. */
  readonly config: string
  readonly #disk: string
  readonly #log: string
  /** The entries before this index are not looked at any more. */
  #begin = 0

  private constructor(bed: Bed, name: string) {
    const folder = join(bed.shared, name)
    this.name = name
    this.config = join(folder, 'domain.xml')
    this.#disk = bed.outside(join(folder, 'disk.img'))
    this.#log = bed.outside(join(folder, 'log'))
  }

  /** Writes its disk and its XML. */
  static async make(bed: Bed, name: string, emulator: string): Promise<Ledger> {
    const ledger = new Ledger(bed, name)
    const folder = join(bed.shared, name)
    mkdirSync(bed.outside(folder), { recursive: true })
    writeFileSync(ledger.#disk, await bootSector())
    execFileSync('truncate', ['-s', '1M', ledger.#disk])
    writeFileSync(ledger.#log, '')
    const xml = domainXml({
      name,
      guest: 'tiny',
      emulator,
      memoryMib: 64,
      network: false,
      diskPath: join(folder, 'disk.img'),
      serial: { type: 'file', path: join(folder, 'log') },
    })
    // libvirt 9.0 does not have the name of q35's own watchdog.
    writeFileSync(bed.outside(ledger.config), xml.replace(/ *<watchdog model='itco'.*\n/, ''))
    return ledger
  }

  /** Bytes that it has printed. */
  printed(): number {
    return statSync(this.#log).size
  }

  /** Waits until it has printed a few more lines than now. Resolves with the time of the first of them, in milliseconds. */
  async writesAgain(since: number = this.printed()): Promise<number> {
    await until(`${this.name} writes`, () => this.printed() > since, { everyMs: 20 })
    const at = Date.now()
    await until(`${this.name} goes on writing`, () => this.printed() > since + 120, { everyMs: 20 })
    return at
  }

  /** Its last line. */
  last(): Entry {
    return this.#entries().at(-1) ?? { boot: 0, count: 0 }
  }

  /** Asserts that no count is missing or repeated within a boot, that boots follow each other, and that the disk ends where the log ends. */
  assertUnbroken(): void {
    const [first, ...entries] = this.#entries().slice(this.#begin)
    let before: Entry = first ?? { boot: 0, count: 0 }
    assert.ok(before.count > 0, `${this.name}: it wrote`)
    for (const { boot, count } of entries) {
      const continues = boot === before.boot && count === before.count + 1
      const begins = boot === before.boot + 1 && count === 1
      assert.ok(
        continues || begins,
        `${this.name}: after ${before.boot}/${before.count} came ${boot}/${count}`,
      )
      before = { boot, count }
    }
  }

  /** Asserts that it has gone back within a boot, once, to a count that is not before `earliest`. Returns how many counts were lost. */
  assertReturned(earliest: Entry): number {
    const entries = this.#entries()
    const isBack = (index: number): boolean =>
      index > 0 && (entries[index]?.count ?? 0) <= (entries[index - 1]?.count ?? 0)
    const index = entries.findIndex((_, each) => each > this.#begin && isBack(each))
    const [from, to] = [entries[index - 1], entries[index]]
    if (from === undefined || to === undefined) throw new Error(`${this.name} did not go back`)
    assert.equal(to.boot, from.boot, `${this.name} was booted`)
    assert.ok(
      to.count > earliest.count,
      `${to.count} is older than the checkpoint, ${earliest.count}`,
    )
    this.#begin = index
    return from.count - to.count + 1
  }

  /** Asserts, while the guest does not run, that its disk (a raw file, from outside) holds what the log says. */
  assertDisk(path: string = this.#disk): void {
    const { boot, count } = this.last()
    const disk = readFileSync(path)
    assert.equal(disk.readUInt32LE(512), boot, `${this.name}: boots on the disk`)
    for (let each = Math.max(1, count - 1000); each <= count; each++) {
      const at = (8 + (each % 1024)) * 512
      assert.deepEqual(
        { boot: disk.readUInt32LE(at), count: disk.readUInt32LE(at + 4) },
        { boot, count: each },
        `${this.name}: the entry of ${boot}/${each} on the disk`,
      )
    }
  }

  #entries(): readonly Entry[] {
    const text = readFileSync(this.#log, 'latin1')
    assert.ok(!text.includes(' NO\r\n'), `${this.name}: its memory was damaged`)
    return [...text.matchAll(/CNT ([0-9a-f]{4}) ([0-9a-f]{8}) OK\r\n/g)].map(
      ([, boot = '', count = '']) => ({ boot: parseInt(boot, 16), count: parseInt(count, 16) }),
    )
  }
}

async function bootSector(): Promise<Buffer> {
  await using dir = await tempDir()
  const source = join(import.meta.dirname, 'guest/ledger.s')
  const shared = join(import.meta.dirname, '../guests')
  execFileSync('as', ['--32', '-I', shared, '-o', dir.join('o'), source])
  const target = ['-Ttext', '0x7c00', '--oformat', 'binary', '-o', dir.join('img'), dir.join('o')]
  execFileSync('ld', ['-m', 'elf_i386', ...target])
  const sector = readFileSync(dir.join('img'))
  assert.equal(sector.length, 512)
  return sector
}

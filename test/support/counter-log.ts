import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { guestPaths } from './guests.ts'

/** Lines that can show a gap. */
const FEWEST = 3

/** The output of the tiny guest so far. A save and restore in between must leave no trace in it. */
export class CounterLog {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Waits until the guest has counted `lines` more lines. */
  async advance(lines: number): Promise<void> {
    await this.#reach((await this.counters()).length + lines)
  }

  /** Asserts that the guest does not count. */
  async assertStill(): Promise<void> {
    const before = await readFile(this.#path, 'latin1')
    await delay(250)
    assert.equal(
      await readFile(this.#path, 'latin1'),
      before,
      'the guest is paused and prints nothing',
    )
  }

  /** Asserts that the counter went up by one from line to line, and that every checksum was right. Waits until there are lines to compare. */
  async assertUnbroken(): Promise<void> {
    await this.#reach(FEWEST)
    const counters = await this.counters()
    const start = counters[0] ?? 0
    counters.forEach((counter, index) =>
      assert.equal(counter, start + index, `gap or repetition in line ${index}`),
    )
  }

  /** The numbers of all complete lines. Asserts that every checksum was right. */
  async counters(): Promise<readonly number[]> {
    const lines = (await readFile(this.#path, 'latin1')).split('\r\n').slice(0, -1)
    return lines
      .filter((line) => line.startsWith('CNT'))
      .map((line) => {
        const [, counter = '', sum] = /^CNT ([0-9a-f]{8}) SUM ([0-9a-f]{4})$/.exec(line) ?? []
        assert.equal(sum, guestPaths().tinySum, `checksum of the guest's memory in "${line}"`)
        return Number.parseInt(counter, 16)
      })
  }

  async #reach(count: number): Promise<void> {
    const deadline = Date.now() + 30_000
    while ((await this.counters()).length < count) {
      if (Date.now() > deadline) assert.fail(`The guest stopped counting: ${await this.#tail()}`)
      await delay(20)
    }
  }

  async #tail(): Promise<string> {
    return (await readFile(this.#path, 'latin1')).slice(-200)
  }
}

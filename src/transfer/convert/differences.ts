import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BaseReference } from '../../image/stasis/base-reference.ts'
import { PageDigests } from '../../image/stasis/page-digests.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { isZeroPage } from '../zero-page.ts'

/** Another image of which the pages that are the same need not be written again. */
export interface BaseImage extends BaseReference {
  readonly digests: PageDigests
  /** It is also the file that the pages come from which have a source (`MachineWriter.add`): they are the same, and nothing has to be computed. */
  readonly isSource?: boolean
}

/** Consecutive pages that are all as in the base, or all not. */
export interface ComparedPages {
  readonly firstPage: number
  readonly bytes: Uint8Array
  readonly isInBase: boolean
}

/** Takes a tenth of a millisecond. */
const STEP_LENGTH = 16 * PAGE_SIZE

/** Computes the digests of the pages of a machine, and compares them with those of a base, if there is one. */
export class Differences {
  readonly #base: BaseImage | undefined
  readonly digests: PageDigests

  constructor(blocks: readonly AnnouncedBlock[], base: BaseImage | undefined) {
    this.digests = new PageDigests(blocks)
    this.#base = base
  }

  /** Divides pages into those that the base has, and others. Zero pages are among the others. `hasSource`: see `MachineWriter.add`. */
  async divide(
    block: number,
    firstPage: number,
    bytes: Uint8Array,
    hasSource: boolean,
  ): Promise<readonly ComparedPages[]> {
    const runs: { start: number; end: number; isInBase: boolean }[] = []
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      // The guest may wait for what happens next in this thread, and never for many digests.
      if (at % STEP_LENGTH === 0) await nextTurn()
      const page = bytes.subarray(at, at + PAGE_SIZE)
      const isInBase = this.#look(block, firstPage + at / PAGE_SIZE, page, hasSource)
      const last = runs.at(-1)
      if (last?.isInBase === isInBase) last.end = at + PAGE_SIZE
      else runs.push({ start: at, end: at + PAGE_SIZE, isInBase })
    }
    return runs.map(({ start, end, isInBase }) => ({
      firstPage: firstPage + start / PAGE_SIZE,
      bytes: bytes.subarray(start, end),
      isInBase,
    }))
  }

  #look(block: number, page: number, bytes: Uint8Array, hasSource: boolean): boolean {
    if (isZeroPage(bytes, 0)) return false
    const base = this.#base
    const isSame = hasSource && base?.isSource === true
    if (isSame && this.digests.take(base.digests, block, page)) return true
    this.digests.compute(block, page, bytes)
    return base !== undefined && this.digests.isAsIn(base.digests, block, page)
  }
}

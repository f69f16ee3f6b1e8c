import type { PageSpan } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** Pages that are judged together. */
const UNIT_PAGES = 4

/** Shorter runs of incompressible pages stay with their neighbours: splitting costs a frame. */
const MIN_RAW_UNITS = 4

const SAMPLE_STRIDE = 31

/** More distinct values among the samples mean random data: 528 samples of random bytes have 224 of 256 values. */
const MAX_DISTINCT = 190

/** A frame that does not shrink below this share of its pages is stored uncompressed. */
export const WORTH_COMPRESSING = 0.97

/** Pages that are, or are not, worth compressing. */
export interface JudgedPages extends PageSpan {
  readonly compressible: boolean
}

const seen = new Uint8Array(256)

/**
 * Divides memory into compressible and incompressible runs, by how many different values a sample of its bytes has. Text, code, pointers and tables
 * have few; compressed or encrypted data have nearly all.
 */
export function splitByCompressibility(bytes: Uint8Array): readonly JudgedPages[] {
  const runs: { firstPage: number; pageCount: number; compressible: boolean }[] = []
  const pages = bytes.length / PAGE_SIZE
  for (let page = 0; page < pages; page += UNIT_PAGES) {
    const pageCount = Math.min(UNIT_PAGES, pages - page)
    const compressible = looksCompressible(bytes, page * PAGE_SIZE, (page + pageCount) * PAGE_SIZE)
    const last = runs.at(-1)
    if (last?.compressible === compressible) last.pageCount += pageCount
    else runs.push({ firstPage: page, pageCount, compressible })
  }
  return merge(runs)
}

function merge(runs: readonly JudgedPages[]): readonly JudgedPages[] {
  const merged: { firstPage: number; pageCount: number; compressible: boolean }[] = []
  for (const run of runs) {
    const compressible = run.compressible || run.pageCount < MIN_RAW_UNITS * UNIT_PAGES
    const last = merged.at(-1)
    if (last?.compressible === compressible) last.pageCount += run.pageCount
    else merged.push({ firstPage: run.firstPage, pageCount: run.pageCount, compressible })
  }
  return merged
}

function looksCompressible(bytes: Uint8Array, start: number, end: number): boolean {
  seen.fill(0)
  let distinct = 0
  for (let at = start; at < end; at += SAMPLE_STRIDE) {
    const value = bytes[at] as number
    if (seen[value] === 0) {
      seen[value] = 1
      distinct += 1
      if (distinct > MAX_DISTINCT) return false
    }
  }
  return true
}

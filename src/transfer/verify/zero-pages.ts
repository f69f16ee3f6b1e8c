import { PAGE_SIZE } from '../../wire/page-size.ts'

const ZEROS = Buffer.alloc(PAGE_SIZE)

/** How many of the pages are not entirely zero. */
export function countContent(pages: Uint8Array): number {
  let count = 0
  for (let at = 0; at < pages.length; at += PAGE_SIZE) {
    // Most pages with content differ in their first bytes, where the comparison ends.
    if (pages[at] !== 0 || !ZEROS.equals(pages.subarray(at, at + PAGE_SIZE))) count += 1
  }
  return count
}

import { PAGE_SIZE } from '../wire/page-size.ts'

const ZEROS = Buffer.alloc(PAGE_SIZE)

/** Whether the page that begins at `at` is entirely zero. */
export function isZeroPage(pages: Uint8Array, at: number): boolean {
  // Most pages with content differ in their first bytes, where the comparison ends.
  return pages[at] === 0 && ZEROS.equals(pages.subarray(at, at + PAGE_SIZE))
}

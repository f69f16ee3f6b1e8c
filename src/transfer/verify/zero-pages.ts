import { PAGE_SIZE } from '../../wire/page-size.ts'
import { isZeroPage } from '../zero-page.ts'

/** How many of the pages are not entirely zero. */
export function countContent(pages: Uint8Array): number {
  let count = 0
  for (let at = 0; at < pages.length; at += PAGE_SIZE) {
    if (!isZeroPage(pages, at)) count += 1
  }
  return count
}

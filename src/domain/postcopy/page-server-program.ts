import { fileURLToPath } from 'node:url'
import { programUrl } from '../../io/program-url.ts'

/** The program of a page server. It is not the command line: a guest waits for it to load, so it loads as little as possible. */
export const PAGE_SERVER_PROGRAM: string = fileURLToPath(
  programUrl(new URL('./page-server-main.ts', import.meta.url)),
)

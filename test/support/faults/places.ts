import { readFile } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'

/** A place of an operation that can fail: a call, the lines it comes from, and the kind of its path. */
export interface Place {
  readonly key: string
  readonly call: string
  readonly lines: string
  readonly path: string
  /** How often one thread came by. */
  readonly count: number
}

/** The places in a record of the fault layer, in the order in which the operation came to them. */
export async function readPlaces(record: string): Promise<readonly Place[]> {
  const found = new Map<string, Place>()
  const text = await readFile(record, 'utf8').catch(() => '')
  // The last line is empty, or one that a process that outlives the operation is writing.
  for (const line of text.split('\n').slice(0, -1)) {
    const place = JSON.parse(line) as Place
    const before = found.get(place.key)
    if (before === undefined || before.count < place.count) found.set(place.key, place)
  }
  return [...found.values()]
}

const maps = new Map<string, SourceMap>()
const root = join(import.meta.dirname, '../../..')

/** The lines of a place as lines of the sources. */
export function sourceLines(lines: string): string {
  return lines
    .split(' ')
    .map((line) => {
      const [, file = '', row = '', column = ''] = /^(.*):(\d+):(\d+)$/.exec(line) ?? []
      if (!file.endsWith('.cjs')) return line
      const { originalSource, originalLine } = mapOf(file).findEntry(
        Number(row) - 1,
        Number(column) - 1,
      ) as {
        originalSource?: string
        originalLine?: number
      }
      return originalSource === undefined
        ? line
        : `${originalSource.replace('../', '')}:${(originalLine ?? 0) + 1}`
    })
    .join(' < ')
}

function mapOf(file: string): SourceMap {
  let map = maps.get(file)
  if (map === undefined) {
    const payload = JSON.parse(readFileSync(join(root, `${file}.map`), 'utf8')) as SourceMapPayload
    maps.set(file, (map = new SourceMap(payload)))
  }
  return map
}

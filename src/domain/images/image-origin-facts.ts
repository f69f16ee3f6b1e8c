import { attribute, children } from '../../qemu/domain-xml/access.ts'
import { parseXml } from '../../qemu/domain-xml/parse.ts'

/** Where an image comes from, as its cookie says. */
export interface ImageOriginFacts {
  readonly qemu: string
  readonly host: string
  readonly time: string
  readonly emulator: string
}

/** Reads what Stasis keeps in a cookie (`originCookie`); `undefined` for those of others. */
export function readOrigin(cookie: string): ImageOriginFacts | undefined {
  try {
    const root = parseXml(cookie).documentElement
    const [origin] = root === null ? [] : children(root, 'stasis:origin')
    if (origin === undefined) return undefined
    const [qemu = '', host = '', time = '', emulator = ''] = [
      'qemu',
      'host',
      'time',
      'emulator',
    ].map((name) => attribute(origin, name))
    return { qemu, host, time, emulator }
  } catch {
    return undefined
  }
}

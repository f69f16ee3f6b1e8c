import { createRequire } from 'node:module'
import { noteName } from './journal.ts'
import { pathOf } from './file-calls.ts'
import { consult, errnoOf, shortened } from './plan.ts'

type Call = (...args: unknown[]) => unknown
interface Library {
  readonly func: (prototype: string) => Call
}

const require = createRequire(import.meta.url)

/** Calls of the C library that take no descriptor first. */
const WITHOUT_DESCRIPTOR: ReadonlySet<string> = new Set([
  'socket',
  'socketpair',
  'memfd_create',
  'syscall',
  'poll',
])
/** Those that cannot fail in a way that matters. */
const IGNORED: ReadonlySet<string> = new Set(['close', 'madvise', 'shutdown'])

let fakeErrno: number | undefined

/** Puts the layer before the system calls that go through koffi. */
export function replaceNativeCalls(): void {
  const loader = require('node:module') as { _load: Call }
  const load = loader._load
  loader._load = function (this: unknown, ...args: unknown[]) {
    const loaded = load.apply(this, args)
    return args[0] === 'koffi' ? layered(loaded as object) : loaded
  }
}

function layered(koffi: object): object {
  return new Proxy(koffi, {
    get(target, name, receiver): unknown {
      const value: unknown = Reflect.get(target, name, receiver)
      if (name === 'load')
        return (library: unknown) => {
          const opened = (value as Call).call(target, library) as Library
          return library === 'libc.so.6' ? layeredLibrary(opened) : opened
        }
      if (name === 'errno')
        return (...args: unknown[]) => {
          const fake = fakeErrno
          fakeErrno = undefined
          return fake ?? (value as Call).apply(target, args)
        }
      return value
    },
  })
}

function layeredLibrary(library: Library): Library {
  return {
    func: (prototype) => {
      const native = library.func(prototype)
      const [, name = ''] = /(\w+)\(/.exec(prototype) ?? []
      return IGNORED.has(name) ? native : (...args) => call(name, native, args)
    },
  }
}

function call(name: string, native: Call, args: unknown[]): unknown {
  const path = (): string =>
    name === 'renameat2'
      ? String(args[3])
      : WITHOUT_DESCRIPTOR.has(name)
        ? name
        : pathOf(Number(args[0]))
  fakeErrno = undefined
  const fault = consult(name, path)
  if (fault === 'ZERO') return 0
  if (fault === 'SHORT') {
    const less = name === 'recv' ? shortened(Number(args[2])) : undefined
    return less === undefined ? native(...args) : native(args[0], args[1], less, args[3])
  }
  if (fault !== undefined) {
    fakeErrno = errnoOf(fault)
    return -1
  }
  const result = native(...args)
  if (name === 'renameat2' && Number(result) === 0) noteName('exchange', args[1], args[3])
  return result
}

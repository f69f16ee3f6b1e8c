import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'

/** Length of the key before the code in a cache file. It identifies the bundle that the code was compiled from. */
const KEY_LENGTH = 64

/**
 * Runs a bundle with the code that V8 compiled in an earlier run. The first successful run stores its code in `cacheFile`. Node's own
 * compile cache contains less, because it is written before any function was called (notes/node/start-up.md). V8 refuses code of another version of
 * V8.
 */
export function runBundle(path: string, cacheFile: string | undefined): void {
  const { text, key } = readBundle(path)
  const cachedData = cacheFile === undefined ? undefined : readCode(cacheFile, key)
  const script = new Script(text, { filename: path, ...(cachedData && { cachedData }) })
  // The parameters of a CommonJS module. A wrapper would be a second copy of the text, and bring on a garbage collection.
  Object.assign(globalThis, {
    require: requireFor(path),
    __filename: path,
    __dirname: dirname(path),
  })
  script.runInThisContext()
  if (cacheFile === undefined || (cachedData !== undefined && script.cachedDataRejected !== true))
    return
  process.once('exit', (code) => {
    // A failed run has not called every function.
    if (code === 0) writeCode(cacheFile, key, script.createCachedData())
  })
}

/** Runs a bundle with stack traces that refer to the sources, if the source map is beside it. */
export function runBundleWithSourceMap(path: string): void {
  process.setSourceMapsEnabled(true)
  moduleRequire(path)(path)
}

/** `require` of a bundle. It asks first for what is part of Node, because the loader of modules takes five times as long for that. */
function requireFor(path: string): (id: string) => unknown {
  return (id) => process.getBuiltinModule(id) ?? moduleRequire(path)(id)
}

/** Does not import `node:module`, which most commands do not need. */
function moduleRequire(path: string): (id: string) => unknown {
  return process.getBuiltinModule('node:module').createRequire(path)
}

/** The text, which is ASCII, and a key that changes with any change of the file, because no program can set its status-change time. */
function readBundle(path: string): { readonly text: string; readonly key: string } {
  const fd = openSync(path, 'r')
  try {
    const { dev, ino, size, ctimeNs } = fstatSync(fd, { bigint: true })
    return {
      text: readFileSync(fd, 'latin1'),
      key: [dev, ino, size, ctimeNs].join(' ').padEnd(KEY_LENGTH),
    }
  } finally {
    closeSync(fd)
  }
}

function readCode(file: string, key: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file)
    return bytes.toString('latin1', 0, KEY_LENGTH) === key ? bytes.subarray(KEY_LENGTH) : undefined
  } catch {
    return undefined
  }
}

function writeCode(file: string, key: string, code: Buffer): void {
  const partial = `${file}.${process.pid}`
  try {
    writeFileSync(partial, Buffer.concat([Buffer.from(key, 'latin1'), code]), {
      flag: 'wx',
      mode: 0o600,
    })
    renameSync(partial, file)
  } catch {
    // The next run compiles again.
    rmSync(partial, { force: true })
  }
}

/**
 * The directory for cached code, which will be executed; `undefined` when no directory exists that only we can write to. It is `beside` where that
 * exists, otherwise `directory`, which is created if missing: `/var/cache/stasis` for root and `$XDG_CACHE_HOME/stasis` for others.
 */
export function codeCacheDirectory(
  beside: string,
  directory: string | undefined = userDirectory(),
): string | undefined {
  try {
    const found = isOurs(beside)
    if (found !== undefined) return found ? beside : undefined
    if (directory === undefined) return undefined
    if (isOurs(directory) === undefined) mkdirSync(directory, { recursive: true, mode: 0o700 })
    return isOurs(directory) === true ? directory : undefined
  } catch {
    return undefined
  }
}

function userDirectory(): string | undefined {
  const { STASIS_CACHE_DIR: given, XDG_CACHE_HOME: cache, HOME: home } = process.env
  if (given?.startsWith('/') === true) return given
  if (process.geteuid?.() === 0) return '/var/cache/stasis'
  if (cache?.startsWith('/') === true) return join(cache, 'stasis')
  return home?.startsWith('/') === true ? join(home, '.cache', 'stasis') : undefined
}

/** Whether a directory belongs to us and no other user can write to it; `undefined` when it does not exist. A symbolic link is not a directory. */
function isOurs(directory: string): boolean | undefined {
  const found = lstatSync(directory, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0
}

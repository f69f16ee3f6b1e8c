import { type QemuVersion, atLeast } from '../options.ts'

/**
 * Makes QEMU change to another user once its machine is complete: it has opened its files, sockets and devices by then, and no processor of the guest has run.
 * `-run-with user=` is new in 9.1, which deprecated `-runas` (QEMU docs/about/deprecated.rst).
 */
export function userArguments(user: string, version: QemuVersion): readonly string[] {
  return atLeast(version, 9, 1) ? ['-run-with', `user=${user}`] : ['-runas', user]
}

/**
 * Makes QEMU open the files that it will write to for writing at once. With `auto-read-only` it opens them a second time when a device first writes, or when
 * an incoming machine is complete (QEMU block/file-posix.c, `raw_reconfigure_getfd`); by then it is another user, who may not open them.
 */
export function openedAtStart(argv: readonly string[]): readonly string[] {
  const written = new Set(argv.flatMap((value, at) => (isNode(argv, at) ? writtenFile(value) : [])))
  return argv.map((value, at) =>
    isNode(argv, at) && written.has(nameOf(value))
      ? value.replace('"auto-read-only":true', '"auto-read-only":false')
      : value,
  )
}

function isNode(argv: readonly string[], at: number): boolean {
  return argv[at - 1] === '-blockdev' && argv[at]?.startsWith('{') === true
}

function nameOf(node: string): unknown {
  return (JSON.parse(node) as Readonly<Record<string, unknown>>)['node-name']
}

/** The node below a format that is not read-only. */
function writtenFile(node: string): readonly unknown[] {
  const { file, 'read-only': readonly } = JSON.parse(node) as Readonly<Record<string, unknown>>
  return file === undefined || readonly === true ? [] : [file]
}

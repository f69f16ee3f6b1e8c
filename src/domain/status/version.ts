import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as nodeModule from 'node:module'
import { InternalError, StasisError } from '../../errors.ts'
import { findEmulator } from '../../qemu/probe/find-emulator.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { probeEmulator } from '../machine/emulator.ts'

/** The versions in use. */
export interface Versions {
  readonly stasis: string
  readonly node: string
  /** The QEMU of domains whose XML names no other; `undefined` if there is none. */
  readonly qemu:
    | { readonly version: string; readonly emulator: string; readonly kvm: boolean }
    | undefined
}

/**
 * The versions of Stasis, Node and QEMU.
 * @throws QemuError if there is a QEMU and it does not start
 * @example
 * const { stasis, node, qemu } = await versions()
 */
export async function versions(options: DomainOptions = {}): Promise<Versions> {
  return {
    stasis: await ownVersion(),
    node: process.versions.node,
    qemu: await qemuVersion(options),
  }
}

/** The version of Stasis. */
export async function ownVersion(): Promise<string> {
  const text = await readFile(join(packageDirectory(), 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Where Stasis is installed: the directory of its `package.json`. */
export function packageDirectory(): string {
  const path = nodeModule.findPackageJSON(import.meta.url)
  if (path === undefined) throw new InternalError('This program has no package.json above it')
  return dirname(path)
}

async function qemuVersion(options: DomainOptions): Promise<Versions['qemu']> {
  const emulator = await findEmulator().catch((error: unknown) => {
    if (StasisError.is(error, 'QEMU_NOT_FOUND')) return undefined
    throw error
  })
  if (emulator === undefined) return undefined
  const { version, kvmUsable } = await probeEmulator(
    emulator,
    await openDirectories(options),
    options.signal,
    { look: true },
  )
  return { version, emulator, kvm: kvmUsable }
}

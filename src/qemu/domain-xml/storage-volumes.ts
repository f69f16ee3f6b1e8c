import type { Element } from '@xmldom/xmldom'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StasisError } from '../../errors.ts'
import { attribute, child, children, childText } from './access.ts'
import { parseXml } from './parse-xml.ts'

/** The file or device of a volume on this host, in the pools of libvirt whose volumes have names in one directory. */
const KINDS: Readonly<Record<string, 'file' | 'block'>> = {
  dir: 'file',
  fs: 'file',
  netfs: 'file',
  logical: 'block',
  disk: 'block',
}

/**
 * Where libvirt 9.0 to 11.3 describes storage pools (src/storage/storage_driver.c): running ones first, then the definitions of the system and of the
 * user's session.
 */
function folders(): readonly string[] {
  const session = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  return ['/run/libvirt/storage', '/etc/libvirt/storage', join(session, 'libvirt/storage')]
}

/**
 * Lets each disk that names a volume of a storage pool name the volume's file or device, so that nothing else has to know pools. A disk whose pool this
 * host does not have, or whose volumes have no directory, stays as it is.
 */
export function placeVolumes(root: Element, searched: readonly string[] = folders()): void {
  const devices = child(root, 'devices')
  for (const disk of devices === undefined ? [] : children(devices, 'disk')) {
    if (attribute(disk, 'type') === 'volume') placeVolume(disk, searched)
  }
}

function placeVolume(disk: Element, searched: readonly string[]): void {
  const source = child(disk, 'source')
  if (source === undefined) return disk.setAttribute('type', 'file')
  const volume = attribute(source, 'volume') ?? ''
  const pool = readPool(attribute(source, 'pool') ?? '', searched)
  if (pool === undefined || volume === '' || /\/|^\.{1,2}$/.test(volume)) return
  disk.setAttribute('type', pool.kind)
  for (const name of ['pool', 'volume', 'mode']) source.removeAttribute(name)
  source.setAttribute(pool.kind === 'file' ? 'file' : 'dev', join(pool.directory, volume))
}

/** The directory of a pool's volumes; `undefined` when there is no such pool, or it has none. */
function readPool(
  name: string,
  searched: readonly string[],
): { readonly kind: 'file' | 'block'; readonly directory: string } | undefined {
  if (name === '' || name.includes('/') || name.startsWith('.')) return undefined
  for (const folder of searched) {
    const path = join(folder, `${name}.xml`)
    const pool = readElement(path)
    const kind = KINDS[attribute(pool, 'type') ?? '']
    const directory = childText(child(pool, 'target'), 'path')?.trim()
    if (kind !== undefined && directory?.startsWith('/') === true) return { kind, directory }
  }
  return undefined
}

/** The `<pool>` in a file; that of a running pool is inside `<poolstate>`. */
function readElement(path: string): Element | undefined {
  try {
    const root = parseXml(readFileSync(path, 'utf8'), path).documentElement ?? undefined
    return root?.nodeName === 'pool' ? root : child(root, 'pool')
  } catch (error) {
    // A file that is absent, that others may not read, or that is not XML.
    if (error instanceof StasisError || (error as NodeJS.ErrnoException).code !== undefined)
      return undefined
    throw error
  }
}

import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseJson } from '../../io/records/record-file.ts'
import { isSupported } from '../domain-xml/architecture.ts'
import type { Firmware, FirmwareFile, FirmwareTarget } from '../domain-xml/firmware.ts'

/** Where descriptors are, in rising priority: those of the distribution, of the administrator, of the user (QEMU docs/interop/firmware.json). */
export function descriptorDirectories(): readonly string[] {
  const config = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  return ['/usr/share/qemu/firmware', '/etc/qemu/firmware', join(config, 'qemu/firmware')]
}

/**
 * The firmware for guests that are supported, that these directories describe, in the order of preference: by file name. A file hides one of the same name in an
 * earlier directory, an empty file hides it without a replacement. Descriptors that cannot be read are left out, as in libvirt.
 */
export async function readFirmwareDescriptors(
  directories: readonly string[],
): Promise<readonly Firmware[]> {
  const paths = new Map<string, string>()
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => [])
    for (const name of names) if (name.endsWith('.json')) paths.set(name, join(directory, name))
  }
  const ordered = [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const texts = await Promise.all(ordered.map(([, path]) => readFile(path, 'utf8').catch(() => '')))
  return texts.flatMap((text) => parseDescriptor(text) ?? [])
}

function parseDescriptor(text: string): Firmware | undefined {
  const descriptor = objectOf(parseJson(text))
  const mapping = objectOf(descriptor['mapping'])
  const interfaces = listOf(descriptor['interface-types'])
  const targets = listOf(descriptor['targets']).map(objectOf).flatMap(targetOf)
  const kind = interfaces.find((one): one is Firmware['kind'] => one === 'uefi' || one === 'bios')
  if (kind === undefined || targets.length === 0) return undefined
  const common = {
    kind,
    targets,
    features: new Set(listOf(descriptor['features']).filter(isText)),
  }
  if (mapping['device'] === 'memory') {
    const loader = fileOf(mapping)
    return loader === undefined
      ? undefined
      : { ...common, mapping: 'rom', loader, template: undefined }
  }
  const loader = fileOf(mapping['executable'])
  const template = fileOf(mapping['nvram-template'])
  if (mapping['device'] !== 'flash' || loader === undefined) return undefined
  const mode = mapping['mode'] ?? 'split'
  if (mode === 'stateless') return { ...common, mapping: 'stateless', loader, template: undefined }
  return mode === 'split' && template !== undefined
    ? { ...common, mapping: 'split', loader, template }
    : undefined
}

function targetOf(target: Readonly<Record<string, unknown>>): readonly FirmwareTarget[] {
  // QEMU's word for it.
  const name = target['architecture'] === 'i386' ? 'i686' : target['architecture']
  if (!isText(name) || !isSupported(name)) return []
  return [{ architecture: name, machines: listOf(target['machines']).filter(isText) }]
}

function fileOf(value: unknown): FirmwareFile | undefined {
  const { filename, format = 'raw' } = objectOf(value)
  if (!isText(filename) || (format !== 'raw' && format !== 'qcow2')) return undefined
  return { path: filename, format }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

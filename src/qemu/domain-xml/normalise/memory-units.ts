import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, sizeInBytes } from '../access.ts'

const KIB = 1024

/** Writes every size of memory in KiB, as libvirt does, rounded up. */
export function useKibibytes(root: Element): void {
  for (const name of ['maxMemory', 'memory', 'currentMemory']) inText(child(root, name))
  const numa = child(child(root, 'cpu'), 'numa')
  for (const cell of numa === undefined ? [] : children(numa, 'cell')) inAttribute(cell, 'memory')
  const devices = child(root, 'devices')
  for (const device of devices === undefined ? [] : children(devices, 'memory')) {
    const target = child(device, 'target')
    for (const name of ['size', 'requested', 'block']) inText(child(target, name))
  }
}

function inText(element: Element | undefined): void {
  if (element === undefined || attribute(element, 'unit') === 'KiB') return
  const bytes = sizeInBytes(element)
  element.setAttribute('unit', 'KiB')
  element.textContent = String(Math.ceil(bytes / KIB))
}

function inAttribute(element: Element, name: string): void {
  if (!element.hasAttribute(name) || attribute(element, 'unit') === 'KiB') return
  const bytes = sizeInBytes(element, name)
  element.setAttribute('unit', 'KiB')
  element.setAttribute(name, String(Math.ceil(bytes / KIB)))
}

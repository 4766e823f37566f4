// What the page uses of htm/preact/standalone, whose bundle has no types.
export interface VNode { type: unknown; props: Record<string, unknown>; }
export type Child = VNode | VNode[] | string | number | null | undefined | boolean;
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
export function render(node: Child, parent: Element): void;
export function h(type: unknown, props?: object | null, ...children: unknown[]): VNode;
export function useState<T>(first: T | (() => T)): [T, (next: T | ((now: T) => T)) => void];
export function useEffect(effect: () => void | (() => void), on?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), on?: unknown[]): void;
export function useMemo<T>(make: () => T, on: unknown[]): T;
export function useRef<T>(first: T): { current: T };
export function useCallback<T>(made: T, on: unknown[]): T;
export function useErrorBoundary(told?: (error: unknown) => void): [unknown, () => void];

/** Elements of SVG. */
const NAMESPACE = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, children = []) {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export const text = (content, attributes) => element("text", attributes, [content]);
export const title = (content) => element("title", {}, [content]);

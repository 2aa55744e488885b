// Three helpers for the document.

export const $ = (id) => document.getElementById(id);

export const element = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

export const spoken = (name) => {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
};

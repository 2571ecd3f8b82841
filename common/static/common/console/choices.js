// Select2 draws a box of its own for a choice of a row: box and search take their name from the label of the field.
const {jQuery} = window.django;
const draw = jQuery.fn.djangoAdminSelect2;

jQuery.fn.djangoAdminSelect2 = function (...options) {
  draw.apply(this, options);
  this.each((_place, field) => name(field));
  return this;
};

function name(field) {
  const [label] = field.labels;
  if (!label) return;
  label.id ||= `${field.id}_label`;
  const box = field.parentElement.querySelector(".select2-selection");
  const value = box.querySelector(".select2-selection__rendered");
  value.setAttribute("aria-labelledby", label.id);
  box.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
  jQuery(field).on("select2:open", () => {
    document.querySelector(".select2-container--open .select2-search__field").setAttribute("aria-labelledby", label.id);
  });
}

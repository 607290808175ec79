"""What is known of the copies of datasets behind recorded results, by the checksum that the results carry."""

NOTES = {
    "8d4143a06a45aafb4a269a3bf9091c2f57eeb34a244289648c9df2ff42cd82a3": (
        "98 of the 60,000 images (77 in train, 21 in test; ships and horses) come from JPEG copies of the originals, "
        "all others agree with the published ones pixel by pixel."
    ),
    "1326df5610b97f8ba6f03be4c6b0790e44ba90703545accabcd98dc8f11303d1": (
        "all 60,000 images agree with the published ones pixel by pixel."
    ),
}
